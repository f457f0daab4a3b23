// Re-makes the answers in ../corpus with the real text/template and sprig:
//
//	TZ=UTC go run . ../corpus/*.json
//
// Every file holds data, the missingkey option and cases; a case's template stays, what came of it is written anew.
// Answers that differ from run to run (keys of maps, random text) have no place there.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
)

type testCase struct {
	Template string  `json:"t"`
	Output   *string `json:"out,omitempty"`
	Error    string  `json:"err,omitempty"`
}

type file struct {
	Data    json.RawMessage `json:"data"`
	Missing string          `json:"missing,omitempty"`
	Cases   []testCase      `json:"cases"`
}

func main() {
	for _, path := range os.Args[1:] {
		if err := record(path); err != nil {
			fmt.Fprintln(os.Stderr, path, err)
			os.Exit(1)
		}
	}
}

func record(path string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var corpus file
	if err := json.Unmarshal(raw, &corpus); err != nil {
		return err
	}
	for i := range corpus.Cases {
		one := &corpus.Cases[i]
		// Templates change their data, so each gets its own.
		var data any
		if err := json.Unmarshal(corpus.Data, &data); err != nil {
			return err
		}
		output, err := render(one.Template, data, corpus.Missing)
		one.Output, one.Error = nil, ""
		if err != nil {
			one.Error = err.Error()
		} else {
			one.Output = &output
		}
	}
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer out.Close()
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	return encoder.Encode(corpus)
}

func render(text string, data any, missing string) (string, error) {
	t := template.New("t")
	if missing != "" {
		t.Option("missingkey=" + missing)
	}
	functions := sprig.TxtFuncMap()
	delete(functions, "env")
	delete(functions, "expandenv")
	functions["include"] = func(name string, data any) (string, error) {
		var out strings.Builder
		err := t.ExecuteTemplate(&out, name, data)
		return out.String(), err
	}
	functions["fail"] = func(message string) (string, error) { return "", errors.New(message) }
	t.Funcs(functions)
	if _, err := t.Parse(text); err != nil {
		return "", err
	}
	var out strings.Builder
	err := t.Execute(&out, data)
	return out.String(), err
}
