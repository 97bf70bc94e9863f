// Tests with real processes run what users run: the built programs.
import { buildOnce } from "../../../scripts/build-once.mjs";

export default () => buildOnce("lock-example", "paxos-server");
