"""The abnormal-operation list and the serious-violation list: entry, removal, what follows from them."""
