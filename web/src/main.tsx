// SPDX-License-Identifier: GPL-2.0
import { render } from "preact";
import "uplot/dist/uPlot.min.css";
import "./style.css";
import { start } from "./model";
import { App } from "./ui/app";

render(<App />, document.getElementById("app")!);
start();
