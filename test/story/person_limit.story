story  One person may have two GPUs at once; the others are not held up by it
team   mina Asia/Seoul  work Mon-Fri 09:00-18:00   joon Asia/Seoul  work Mon-Fri 09:00-18:00   gpus 4
limit  mina gpus 2
09:00  submit A by mina, 2h
09:00  submit B by mina, 2h
09:00  submit C by mina, 1h
09:10  submit J by joon, 1h, 2 gpus
expect 09:00 B start                   why: her second GPU
expect 09:05 C waits QOSMaxGRESPerUser  why: she has her two
expect 09:10 J start                   why: the free GPUs are not hers to keep
expect 11:00 C start                   why: A and B are over
