// Renders a Helm chart: Go's templates, the functions of Sprig, and those that Helm adds to them.
//
//	render CHART RELEASE NAMESPACE < values.yaml
//
// prints the values as they are after the defaults were filled in, as JSON on one line, then every document. It is stricter than Helm:
// a template that prints what isn't there is an error.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"gopkg.in/yaml.v3"
)

type tree = map[string]interface{}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 4 {
		log.Fatal("usage: render CHART RELEASE NAMESPACE < values.yaml")
	}
	chart, release, namespace := os.Args[1], os.Args[2], os.Args[3]
	given, err := io.ReadAll(os.Stdin)
	check(err)
	about := read(filepath.Join(chart, "Chart.yaml"))
	values := merge(read(filepath.Join(chart, "values.yaml")), parse("values", given))
	merged, err := json.Marshal(values)
	check(err)
	fmt.Println(string(merged))

	root := tree{
		"Values":  values,
		"Release": tree{"Name": release, "Namespace": namespace, "Service": "Helm", "Revision": 1, "IsInstall": true},
		"Chart":   capitalised(about),
		"Files":   files(chart),
	}
	all, names := load(filepath.Join(chart, "templates"))
	for _, name := range names {
		if strings.HasPrefix(name, "_") {
			continue
		}
		var out bytes.Buffer
		check(all.ExecuteTemplate(&out, name, root))
		if strings.Contains(out.String(), "<no value>") {
			log.Fatalf("%s prints what isn't there:\n%s", name, out.String())
		}
		fmt.Printf("---\n# Source: %s\n%s\n", name, out.String())
	}
}

// What else lies in the chart, by name.
type files string

func (chart files) Get(name string) string {
	text, err := os.ReadFile(filepath.Join(string(chart), name))
	check(err)
	return string(text)
}

// Every template of the folder under its file's name, and the names in order.
func load(folder string) (*template.Template, []string) {
	all := template.New("chart").Option("missingkey=zero")
	functions := sprig.TxtFuncMap()
	functions["toYaml"] = toYaml
	functions["include"] = func(name string, data interface{}) (string, error) {
		var out bytes.Buffer
		err := all.ExecuteTemplate(&out, name, data)
		return out.String(), err
	}
	functions["required"] = func(message string, value interface{}) (interface{}, error) {
		if value == nil || value == "" {
			return nil, fmt.Errorf("%s", message)
		}
		return value, nil
	}
	all.Funcs(functions)
	entries, err := os.ReadDir(folder)
	check(err)
	var names []string
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		check(err)
		template.Must(all.New(entry.Name()).Parse(string(text)))
		names = append(names, entry.Name())
	}
	sort.Strings(names)
	return all, names
}

func toYaml(value interface{}) (string, error) {
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	err := encoder.Encode(value)
	return strings.TrimSuffix(out.String(), "\n"), err
}

// Maps are merged; anything else that is given stands instead of the default.
func merge(defaults, given tree) tree {
	for key, value := range given {
		below, isTree := value.(tree)
		if old, wasTree := defaults[key].(tree); isTree && wasTree {
			defaults[key] = merge(old, below)
		} else if value == nil {
			delete(defaults, key)
		} else {
			defaults[key] = value
		}
	}
	return defaults
}

// Helm gives the fields of Chart.yaml under the names that they have in Go.
func capitalised(about tree) tree {
	fields := tree{}
	for name, value := range about {
		fields[strings.ToUpper(name[:1])+name[1:]] = value
	}
	return fields
}

func read(path string) tree {
	text, err := os.ReadFile(path)
	check(err)
	return parse(path, text)
}

func parse(name string, text []byte) tree {
	values := tree{}
	if err := yaml.Unmarshal(text, &values); err != nil {
		log.Fatalf("%s: %v", name, err)
	}
	return values
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
