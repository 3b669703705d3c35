story  Not before two in the afternoon
team   mina Asia/Seoul  work Mon-Fri 09:00-18:00   gpus 1
09:00  submit A by mina, 1h, begin 14:00
09:30  submit B by mina, 1h, begin tue 08:30
13:00  set B begin 13:30
expect 09:00 A waits BeginTime  why: its time has not come
expect 13:30 B start            why: mina has set it to half past one
expect 14:30 A start            why: B is over
