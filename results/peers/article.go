// The article's upload handler in Go, and the plain ways beside it: a peer to be measured, no part of the product.
//
//	article -dir DIR [-sync]
//
// It prints {"address": "127.0.0.1:PORT"} and serves until stdin closes.
//
//   - POST /upload, the article's: a multipart form, FormFile, io.Copy into a file, a URL as JSON. The article has one
//     file for everybody; here each has its own.
//   - PUT /raw/NAME: the body into a file, no form.
//   - POST /part, the article's chunked form: fileId, chunkIndex, totalChunks, data; a file for each part, joined when
//     the last has come.
//   - GET /files/: http.FileServer.
//
// -sync makes durable what is acknowledged, by fsync of file and directory. The article does not.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
)

var (
	dir    = flag.String("dir", "", "where files go")
	sync   = flag.Bool("sync", false, "fsync before the answer")
	number atomic.Int64
)

func main() {
	flag.Parse()
	http.HandleFunc("/upload", form)
	http.HandleFunc("/raw/", raw)
	http.HandleFunc("/part", part)
	http.Handle("/files/", http.StripPrefix("/files/", http.FileServer(http.Dir(*dir))))
	listening, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(map[string]string{"address": listening.Addr().String()})
	go http.Serve(listening, nil)
	io.Copy(io.Discard, os.Stdin)
}

func form(w http.ResponseWriter, r *http.Request) {
	file, header, err := r.FormFile("file")
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	defer file.Close()
	name := fmt.Sprintf("%d-%s", number.Add(1), filepath.Base(header.Filename))
	if err := keep(name, file); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"url": "/files/" + name, "size": header.Size, "room": r.FormValue("room")})
}

func raw(w http.ResponseWriter, r *http.Request) {
	name := fmt.Sprintf("%d-%s", number.Add(1), filepath.Base(r.URL.Path))
	if err := keep(name, r.Body); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusCreated)
}

func part(w http.ResponseWriter, r *http.Request) {
	data, _, err := r.FormFile("data")
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	defer data.Close()
	id := filepath.Base(r.FormValue("fileId"))
	index, first := strconv.Atoi(r.FormValue("chunkIndex"))
	total, second := strconv.Atoi(r.FormValue("totalChunks"))
	if err := errors.Join(first, second, keep(fmt.Sprintf("%s.%d", id, index), data)); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	arrived, _ := filepath.Glob(filepath.Join(*dir, id+".*"))
	if len(arrived) == total {
		if err := join(id, total); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	w.WriteHeader(http.StatusOK)
}

// join is the article's last step: all parts are read again and written into one file.
func join(id string, total int) error {
	whole, err := os.Create(filepath.Join(*dir, strings.ReplaceAll(id, ".", "_")))
	if err != nil {
		return err
	}
	defer whole.Close()
	for index := 0; index < total; index++ {
		path := filepath.Join(*dir, fmt.Sprintf("%s.%d", id, index))
		part, err := os.Open(path)
		if err != nil {
			return err
		}
		_, err = io.Copy(whole, part)
		part.Close()
		if err := errors.Join(err, os.Remove(path)); err != nil {
			return err
		}
	}
	return nil
}

func keep(name string, from io.Reader) error {
	file, err := os.Create(filepath.Join(*dir, name))
	if err != nil {
		return err
	}
	_, err = io.Copy(file, from)
	if err == nil && *sync {
		err = errors.Join(file.Sync(), syncDirectory())
	}
	return errors.Join(err, file.Close())
}

func syncDirectory() error {
	directory, err := os.Open(*dir)
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}
