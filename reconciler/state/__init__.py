"""Where is Pulumi's state, and how is it saved and put back?"""
