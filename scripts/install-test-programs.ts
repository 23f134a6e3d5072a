// Before `npm test`: the programs that the tests need from the system.
import { programs, provide } from "./system-programs.ts";

provide(programs, "npm test");
