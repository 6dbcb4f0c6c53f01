"""Which fields of an object are not ours to compare or to write?"""
