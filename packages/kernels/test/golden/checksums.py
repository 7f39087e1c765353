"""checksums.py > checksums.json: XXH64 of the xxhash package; CRC-32C bit by bit, from its definition."""

import json

import xxhash


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def pattern(length):
    return bytes((i * 131 + 7) % 251 for i in range(length))


lengths = [0, 1, 3, 4, 7, 8, 12, 31, 32, 33, 63, 64, 100, 1000, 131071, 131072, 131105, 300000]
seeds = [0, 1, 2**63 + 5]
rows = [
    {
        "length": n,
        "crc32c": crc32c(pattern(n)),
        "xxh64": {str(seed): str(xxhash.xxh64(pattern(n), seed=seed).intdigest()) for seed in seeds},
    }
    for n in lengths
]
print(json.dumps({"xxhash": xxhash.VERSION, "command": "python checksums.py", "pattern": "(131 i + 7) mod 251", "rows": rows}, indent=1))
