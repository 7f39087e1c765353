"""Writes gpt2.json: what tiktoken makes of awkward texts with GPT-2's vocabulary.

    python gpt2.py FOLDER > gpt2.json      (FOLDER holds encoder.json.gz and vocab.bpe.gz; tiktoken==0.13 or later)
"""

import gzip
import json
import sys
from pathlib import Path

import tiktoken
from tiktoken.load import data_gym_to_mergeable_bpe_ranks

folder, unpacked = Path(sys.argv[1]), Path("/tmp/gpt2-bpe")
unpacked.mkdir(exist_ok=True)
for name in ("encoder.json", "vocab.bpe"):
    (unpacked / name).write_bytes(gzip.decompress((folder / f"{name}.gz").read_bytes()))

ranks = data_gym_to_mergeable_bpe_ranks(str(unpacked / "vocab.bpe"), str(unpacked / "encoder.json"))
pattern = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
encoding = tiktoken.Encoding("gpt2", pat_str=pattern, mergeable_ranks=ranks, special_tokens={"<|endoftext|>": 50256})

TEXTS = [
    "Hello world",
    "",
    " ",
    "a",
    "To be, or not to be: that is the question:\nWhether 'tis nobler in the mind to suffer\n",
    "It's we've I'm you'll he'd they're don't IT'S can't 'tis",
    "   leading, trailing and  double   blanks   ",
    "tabs\tand\r\nline ends\n\n\n  \n end",
    "numbers 1234567890 3.14159 1e-5 0x1F 2,000",
    "if (x[i] != y[j]) { return foo(bar)->baz; } // comment",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "antidisestablishmentarianism",
    "naïve café Ångström Größe façade",
    "Привет, мир! Ёлка",
    "日本語のテキスト 中文 한국어",
    "مرحبا بالعالم שלום",
    "emoji 😀👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈",
    "combining e\u0301 and zero width \u200b\u200d joiners",
    "spaces\u00a0\u2003\u3000of \u0085 other\u2028kinds\ufeff \x1c\x1f",
    "next line \u0085x is a blank, mark \ufeffx is none",
    "Ⅷ ½ ² ٣ 一二三 numbers of other scripts",
    "\u0000\u0001\u007f control",
    "<|endoftext|> is plain text here",
    "math ∑ ∫ √2 ≠ ∞ 𝔸𝕏 𝒳",
    "MiXeD CaSe camelCase snake_case kebab-case SCREAMING_CASE",
    "https://example.org/path?query=1&x=%20#top user@example.org",
]
json.dump(
    {
        "tool": f"tiktoken {tiktoken.__version__}",
        "command": "python gpt2.py shared/data/gpt2-bpe",
        "cases": [{"text": t, "tokens": encoding.encode_ordinary(t)} for t in TEXTS],
    },
    sys.stdout,
)
