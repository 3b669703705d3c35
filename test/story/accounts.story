story  A project has its GPUs and GPU-hours; the other project and nobody's jobs are not held up by it
team   mina Asia/Seoul  work Mon-Fri 09:00-18:00   joon Asia/Seoul  work Mon-Fri 09:00-18:00   gpus 4
08:50  account vision gpus 2, 9 GPU-hours in 2 days
08:50  account audio gpus 4
09:00  submit A by mina, 2h, account vision
09:00  submit B by joon, 3h, account vision
09:01  submit C by mina, 1h, account vision
09:01  submit J by joon, 2h, 2 gpus, account audio
09:02  submit N by mina, 4h
09:30  account vision gpus 3, 9 GPU-hours in 2 days
12:30  submit D by joon, 4h, account vision
17:00  submit E by joon, 1h, account vision
17:00  submit F by joon, 1h, account audio
18:00  daemon dies
expect 09:00 B start                    why: the project's second GPU
expect 09:01 J start                    why: the other project's GPUs are its own
expect 09:05 C waits AssocGrpGRES       why: two of vision run, whoever of its people asks
expect 09:20 C waits AssocGrpGRES       why: nothing has changed
expect 09:20 N waits Resources          why: it is nobody's project's, and the four GPUs are taken
expect 11:00 C start                    why: A is over
expect 12:30 D start                    why: six of nine hours are used
expect 17:00 F start                    why: the other project has no such quota
expect 17:05 E waits AssocGrpGRESMinutes why: two, three, one and four hours are more than nine
expect wed 09:00 E start                why: a quota of two days (UTC) lets Monday's hours go at 09:00 in Seoul
expect finally E COMPLETED
