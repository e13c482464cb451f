import { testOp } from "../../support/op/op-test.ts";
import { activation } from "./activation.ts";

testOp(activation);
