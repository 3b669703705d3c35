story  A running job is cancelled and its GPU goes to the next
team   mina Asia/Seoul  work Mon-Fri 09:00-18:00   gpus 1
09:00  submit A by mina, 5h
09:10  submit B by mina, 1h
10:00  cancel A
expect 10:00 A end CANCELLED  why: mina says so
expect 10:00 B start          why: A is gone after its grace of a second
