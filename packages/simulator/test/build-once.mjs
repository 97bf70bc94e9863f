// Whole runs are simulated from what is built: see built.ts.
import { buildOnce } from "../../../scripts/build-once.mjs";

export default () => buildOnce("@paxos/simulator");
