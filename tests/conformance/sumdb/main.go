// Judges notes and proofs with the Go project's own log packages, golang.org/x/mod/sumdb/note and sumdb/tlog.
//
// One JSON object a line on standard input, one line "accepted" or "refused" for each on standard output.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type question struct {
	Vkey, Note          string
	Path                []string
	Leaf, Root, OldRoot string
	Index, Size, Old    int64
	Kind                string
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<20), 1<<20)
	for lines.Scan() {
		var asked question
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if judge(asked) == nil {
			fmt.Println("accepted")
		} else {
			fmt.Println("refused")
		}
	}
}

func judge(asked question) error {
	if asked.Kind == "note" {
		verifier, err := note.NewVerifier(asked.Vkey)
		if err != nil {
			return err
		}
		_, err = note.Open([]byte(asked.Note), note.VerifierList(verifier))
		return err
	}
	root, err := tlog.ParseHash(asked.Root)
	if err != nil {
		return err
	}
	path := []tlog.Hash{}
	for _, step := range asked.Path {
		hash, err := tlog.ParseHash(step)
		if err != nil {
			return err
		}
		path = append(path, hash)
	}
	if asked.Kind == "inclusion" {
		leaf, err := tlog.ParseHash(asked.Leaf)
		if err != nil {
			return err
		}
		return tlog.CheckRecord(tlog.RecordProof(path), asked.Size, root, asked.Index, leaf)
	}
	old, err := tlog.ParseHash(asked.OldRoot)
	if err != nil {
		return err
	}
	return tlog.CheckTree(tlog.TreeProof(path), asked.Size, root, asked.Old, old)
}
