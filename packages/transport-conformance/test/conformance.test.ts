import { describeTransport } from "../src/index.js";
import { memoryAdapter } from "./memory-adapter.js";

describeTransport("memory", memoryAdapter());
