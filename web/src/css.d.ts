// SPDX-License-Identifier: GPL-2.0
declare module "*.css";
