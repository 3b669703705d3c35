story  A drained GPU finishes its job and takes no other
team   mina Asia/Seoul  work Mon-Fri 09:00-18:00   gpus 2
09:00  submit A by mina, 2h
09:00  submit B by mina, 1h
09:30  drain gpu 0
10:30  submit C by mina, 1h, 2 gpus
12:00  undrain gpu 0
expect 09:00 A start on gpu 0         why: the first GPU
expect 09:00 B start on gpu 1         why: the second
expect 11:00 A end                    why: draining stops nothing that runs
expect 11:30 C waits ReqNodeNotAvail  why: it needs both GPUs and one is drained
expect 12:00 C start                  why: both are there again
