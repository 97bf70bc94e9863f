/** HTTP/2 flow control windows. Those that the protocol starts with would halt a stream every 64 KiB. */
export const windowBytes = 16 * 1024 * 1024;

/** Memory that one connection may take up in Node's HTTP/2, in MB. Above it, new streams on it are refused. */
export const maxSessionMemory = 256;
