// Command home-ops-templates fills in the Go templates of ApplicationSets.
//
// It reads one request per line from standard input and answers each with one line on standard
// output, in the same order, until the input ends. A request names a value (text, or mappings and
// lists of it), the parameters, and the options of text/template; every text in the value, keys
// included, is a template. The functions are those ArgoCD offers: sprig's, without the ones that
// look at the environment, and normalize, slugify, toYaml, fromYaml and fromYamlArray.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
	"github.com/gosimple/slug"
	"sigs.k8s.io/yaml"
)

// version is set when the command is linked.
var version = "0.0.0"

const (
	longestName    = 253
	longestSlug    = 50
	longestRequest = 64 << 20
)

var notInNames = regexp.MustCompile("[^-a-z0-9.]")

type request struct {
	Value      any            `json:"value"`
	Parameters map[string]any `json:"parameters"`
	// TextMaps are the paths of parameters that are maps of text to text: functions and
	// missingkey=zero tell them from other mappings.
	TextMaps [][]string `json:"textMaps"`
	Options  []string   `json:"options"`
}

type answer struct {
	Value any    `json:"value"`
	Error string `json:"error,omitempty"`
	// MissingKey says that the error is about a parameter that does not exist.
	MissingKey bool `json:"missingKey,omitempty"`
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "version" {
		fmt.Println(version)
		return
	}
	if err := serve(); err != nil {
		fmt.Fprintf(os.Stderr, "home-ops-templates: %v\n", err)
		os.Exit(1)
	}
}

func serve() error {
	functions := functions()
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 0, 1<<20), longestRequest)
	out := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for lines.Scan() {
		if err := encoder.Encode(answered(lines.Bytes(), functions)); err != nil {
			return err
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
	return lines.Err()
}

func answered(line []byte, functions template.FuncMap) (result answer) {
	// a function that is given what it does not take may panic; that is the template's error
	defer func() {
		if cause := recover(); cause != nil {
			result = answer{Error: fmt.Sprint(cause)}
		}
	}()
	var asked request
	if err := json.Unmarshal(line, &asked); err != nil {
		return answer{Error: fmt.Sprintf("the request cannot be read: %v", err)}
	}
	for _, path := range asked.TextMaps {
		asTextMap(asked.Parameters, path)
	}
	filled, err := fill(asked.Value, asked, functions)
	if err != nil {
		return answer{Error: err.Error(), MissingKey: isMissingKey(err)}
	}
	return answer{Value: filled}
}

func functions() template.FuncMap {
	found := sprig.TxtFuncMap()
	for _, name := range []string{"env", "expandenv", "getHostByName"} {
		delete(found, name)
	}
	found["normalize"] = normalize
	found["slugify"] = slugify
	found["toYaml"] = toYAML
	found["fromYaml"] = fromYAML[map[string]any]
	found["fromYamlArray"] = fromYAML[[]any]
	return found
}

func fill(value any, asked request, functions template.FuncMap) (any, error) {
	switch typed := value.(type) {
	case string:
		return filledText(typed, asked, functions)
	case []any:
		filled := make([]any, len(typed))
		for index, part := range typed {
			one, err := fill(part, asked, functions)
			if err != nil {
				return nil, err
			}
			filled[index] = one
		}
		return filled, nil
	case map[string]any:
		filled := make(map[string]any, len(typed))
		for key, part := range typed {
			name, err := filledText(key, asked, functions)
			if err != nil {
				return nil, err
			}
			if filled[name], err = fill(part, asked, functions); err != nil {
				return nil, err
			}
		}
		return filled, nil
	}
	return value, nil
}

func filledText(text string, asked request, functions template.FuncMap) (string, error) {
	if !strings.Contains(text, "{{") {
		return text, nil
	}
	parsed, err := template.New("").Funcs(functions).Option(asked.Options...).Parse(text)
	if err != nil {
		return "", err
	}
	var filled bytes.Buffer
	if err := parsed.Execute(&filled, asked.Parameters); err != nil {
		return "", err
	}
	return filled.String(), nil
}

func asTextMap(parameters map[string]any, path []string) {
	holder := parameters
	for _, name := range path[:len(path)-1] {
		inner, ok := holder[name].(map[string]any)
		if !ok {
			return
		}
		holder = inner
	}
	last := path[len(path)-1]
	found, ok := holder[last].(map[string]any)
	if !ok {
		return
	}
	texts := make(map[string]string, len(found))
	for key, value := range found {
		texts[key] = fmt.Sprint(value)
	}
	holder[last] = texts
}

func isMissingKey(err error) bool {
	return strings.Contains(err.Error(), "map has no entry for key") ||
		strings.Contains(err.Error(), "can't evaluate field")
}

// normalize makes a DNS name of a text, as far as replacing characters can.
func normalize(name string) string {
	name = notInNames.ReplaceAllString(strings.ToLower(name), "-")
	if len(name) > longestName {
		name = name[:longestName]
	}
	return strings.Trim(name, "-.")
}

// slugify takes an optional length, an optional flag for cutting between words, and the text.
func slugify(arguments ...any) (string, error) {
	if len(arguments) == 0 || len(arguments) > 3 {
		return "", fmt.Errorf("slugify takes [length [smart]] text")
	}
	name, ok := arguments[len(arguments)-1].(string)
	if !ok {
		return "", fmt.Errorf("slugify: the last argument is no text")
	}
	length, smart := longestSlug, true
	if len(arguments) > 1 {
		if length, ok = arguments[0].(int); !ok {
			return "", fmt.Errorf("slugify: the length is no whole number")
		}
	}
	if len(arguments) > 2 {
		if smart, ok = arguments[1].(bool); !ok {
			return "", fmt.Errorf("slugify: the second argument is neither true nor false")
		}
	}
	slug.MaxLength, slug.EnableSmartTruncate = length, smart
	return slug.Make(normalize(name)), nil
}

func toYAML(value any) (string, error) {
	text, err := yaml.Marshal(value)
	return strings.TrimSuffix(string(text), "\n"), err
}

func fromYAML[T any](text string) (T, error) {
	var value T
	err := yaml.Unmarshal([]byte(text), &value)
	return value, err
}
