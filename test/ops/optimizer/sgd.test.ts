import { describe } from "vitest";
import { testOptimizer } from "../../support/op/update-test.ts";
import { sgd } from "./sgd.ts";

describe("sgd", () => testOptimizer(sgd));
