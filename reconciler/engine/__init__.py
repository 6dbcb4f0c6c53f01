"""How is Pulumi's engine run, and what did it say?"""
