// What the network is like.

/** On its way from a host into the network, every packet takes this long. */
export const delayMs = 50;

/** Of the packets from a host into the network, so many are lost. */
export const lossPercent = 1;

/** The nodes' hosts, and the host of the tests and their clients. */
export const hostNames = ["node0", "node1", "node2", "tests"];

/** @param {number} index of hostNames */
export function addressOf(index) {
  return `10.0.0.${index + 1}`;
}
