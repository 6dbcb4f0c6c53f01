"""What did the last deployment leave behind, and which part of everything does a run declare?"""
