// Asks a ClickHouse endpoint as Grafana's ClickHouse data source does: same driver, same options, same frames. Reads one request a
// line from standard input, and prints one answer a line. The plugin's own packages are no Go module that can be had, so the macros
// are written anew from its documentation.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// request is one query as a panel makes it.
type request struct {
	SQL  string    `json:"sql"`
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// Format is frame (as a panel gets it), rows (values as the driver gives them) or connect (a connection and a ping, without SQL).
	Format string `json:"format"`
	// TimeSeries turns a long frame into a wide one, as panels of format 0 do.
	TimeSeries bool `json:"timeSeries"`
	IntervalMs int  `json:"intervalMs"`
	// TimeoutMs is the data source's queryTimeout; 60 s where it is 0.
	TimeoutMs int `json:"timeoutMs"`
	// CancelMs is when the user goes to another page; never where it is 0.
	CancelMs int `json:"cancelMs"`
}

type answer struct {
	SQL   string          `json:"sql,omitempty"`
	Frame json.RawMessage `json:"frame,omitempty"`
	Types []string        `json:"types,omitempty"`
	Names []string        `json:"names,omitempty"`
	Rows  [][]any         `json:"rows,omitempty"`
	// Count is of rows.
	Count int    `json:"count"`
	Error string `json:"error,omitempty"`
	// Code is ClickHouse's, where the driver knows it.
	Code int32 `json:"code,omitempty"`
}

func main() {
	source := source{}
	flag.StringVar(&source.host, "host", "127.0.0.1", "host of the endpoint")
	flag.IntVar(&source.port, "port", 8123, "port of the endpoint")
	flag.StringVar(&source.username, "user", "eastwatch_reader", "user; the password is in GRAFANA_PLUGIN_PASSWORD")
	flag.StringVar(&source.database, "database", "eastwatch", "default database")
	flag.StringVar(&source.compression, "compression", "gzip", "gzip, as the plugin; or none, lz4, zstd, deflate, br")
	flag.Var(&source.settings, "setting", "custom setting name=value; may be given several times")
	flag.Parse()
	source.password = os.Getenv("GRAFANA_PLUGIN_PASSWORD")

	requests := bufio.NewScanner(os.Stdin)
	requests.Buffer(nil, 16*1024*1024)
	answers := json.NewEncoder(os.Stdout)
	for requests.Scan() {
		result, err := serve(&source, requests.Bytes())
		if err != nil {
			result.Error = err.Error()
			var exception *clickhouse.Exception
			if errors.As(err, &exception) {
				result.Code = exception.Code
			}
		}
		if err := answers.Encode(result); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func serve(source *source, line []byte) (answer, error) {
	var asked request
	if err := json.Unmarshal(line, &asked); err != nil {
		return answer{}, fmt.Errorf("the request is not understood: %w", err)
	}
	db, err := source.open()
	if err != nil || asked.Format == "connect" {
		return answer{}, err
	}
	sql, err := expand(asked)
	if err != nil {
		return answer{}, err
	}
	timeout := time.Minute
	if asked.TimeoutMs > 0 {
		timeout = time.Duration(asked.TimeoutMs) * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if asked.CancelMs > 0 {
		time.AfterFunc(time.Duration(asked.CancelMs)*time.Millisecond, cancel)
	}
	rows, err := db.QueryContext(ctx, sql)
	if err != nil {
		return answer{SQL: sql}, err
	}
	defer rows.Close()
	if asked.Format == "rows" {
		return readRows(rows, sql)
	}
	return readFrame(rows, sql, asked.TimeSeries)
}
