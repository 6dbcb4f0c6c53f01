// Command provider is the Kubernetes resource provider of Pulumi, started from its published
// package instead of its own main: that one embeds a generated schema the module does not hold.
// The schema is read from the folder of the executable, where the toolchain puts it.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
)

// version is set when the command is linked.
var version = "0.0.0"

func schema() ([]byte, error) {
	executable, err := os.Executable()
	if err != nil {
		return nil, err
	}
	// the engine starts a link in its plugin folder; the schema lies beside what the link points to
	if executable, err = filepath.EvalSymlinks(executable); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(filepath.Dir(executable), "schema.json"))
}

func main() {
	content, err := schema()
	if err != nil {
		fmt.Fprintf(os.Stderr, "pulumi-resource-kubernetes: no schema: %v; run python3 -m toolchain install\n", err)
		os.Exit(1)
	}
	provider.Serve("kubernetes", version, content, []byte("{}"))
}
