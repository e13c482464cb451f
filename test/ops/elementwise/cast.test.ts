import { testOp } from "../../support/op/op-test.ts";
import { cast } from "./cast.ts";

testOp(cast);
