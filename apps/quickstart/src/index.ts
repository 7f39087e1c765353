export { type Choice, chooseData } from './chooseData.js';
