// The module that JavaScript loads. Every pointer is a byte offset into the imported memory; nothing is allocated here.
export { adam, sgd } from './optimizers';
export { dropoutRows, dropoutSparse, philoxBlocks } from './dropout';
export { gatherRows, scatterAddRows } from './rows';
export { spmm } from './spmm';
