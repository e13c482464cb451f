import { testOp } from "../../support/op/op-test.ts";
import { avgPool2d } from "./avg-pool2d.ts";

testOp(avgPool2d);
