import { testOp } from "../../support/op/op-test.ts";
import { softmax } from "./softmax.ts";

testOp(softmax);
