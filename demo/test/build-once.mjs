// The demo starts the built server.
import { buildOnce } from "../../scripts/build-once.mjs";

export default () => buildOnce("demo");
