"""One object is declared, then the program ends with an error a user can repair."""

import pulumi

pulumi.Stash("media/healthy", input="healthy")
raise pulumi.RunError("media/jellyfin: values.yaml is no YAML; correct line 3")
