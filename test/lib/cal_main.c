/* cal_main.c - `eoul cal` as a program of its own, for the tests of the reader alone. */
#include <stdio.h>

#include "cli/cmd_cal.h"

int main(int argc, char **argv) { return cmd_cal(argc, argv, stdout, stderr); }
