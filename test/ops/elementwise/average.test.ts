import { testOp } from "../../support/op/op-test.ts";
import { average } from "./average.ts";

testOp(average);
