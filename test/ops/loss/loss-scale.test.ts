import { testOp } from "../../support/op/op-test.ts";
import { lossScale } from "./loss-scale.ts";

testOp(lossScale);
