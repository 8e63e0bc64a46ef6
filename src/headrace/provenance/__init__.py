"""Which attempt made, changed, deleted and read which file of its working directory.

Files are looked at before an attempt begins and after it ended: at those that the kernel tells of where that
can be trusted, at all of them where not. Contents are read afterwards, beside the work.
This room knows attempts and directories; it must never know a dialect, the engine's mailboxes or HTTP.
"""
