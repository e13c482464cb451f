import { testOp } from "../../support/op/op-test.ts";
import { globalMaxPool } from "./global-max-pool.ts";

testOp(globalMaxPool);
