story  A drained queue: running work goes on, nothing starts
team   mina Asia/Seoul  work Mon-Fri 09:00-18:00   gpus 2
09:00  submit A by mina, 2h
09:30  drain queue
09:40  submit B by mina, 1h
10:30  undrain queue
expect 09:40 B waits PartitionDown  why: the queue is drained
expect 10:30 B start                why: it is open again
expect 11:00 A end                  why: it never noticed
