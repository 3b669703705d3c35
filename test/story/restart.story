story  The daemon dies in the middle of the day and nobody notices
team   mina Asia/Seoul  work Mon-Fri 09:00-18:00   gpus 1
09:00  submit A by mina, 2h
09:30  submit B by mina, 1h
10:00  daemon dies
expect 10:30 A is RUNNING  why: it lives without the daemon
expect 11:00 A end         why: its end is in its directory
expect 11:00 B start       why: the queue is on the disk
expect finally A COMPLETED, 1 attempt
