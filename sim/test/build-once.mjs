// The programs start worker threads from what is built.
import { buildOnce } from "../../scripts/build-once.mjs";

export default () => buildOnce("paxos-sim");
