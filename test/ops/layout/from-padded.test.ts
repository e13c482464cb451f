import { testOp } from "../../support/op/op-test.ts";
import { fromPadded } from "./from-padded.ts";

testOp(fromPadded);
