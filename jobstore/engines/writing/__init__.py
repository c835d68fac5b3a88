"""How writes get their turn: the same queue, groups and exclusive transactions on every engine."""
