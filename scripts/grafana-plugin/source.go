package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Defaults of the plugin's data source.
const (
	dialTimeout     = 10 * time.Second
	readTimeout     = 60 * time.Second
	maxLifetime     = 5 * time.Minute
	maxIdle         = 25
	maxOpen         = 50
	version         = "4.20.0"
	hostVersion     = "12.0.0"
	dataSourceAgent = "clickhouse-datasource"
)

type source struct {
	host        string
	port        int
	username    string
	password    string
	database    string
	compression string
	settings    settings
	db          *sql.DB
}

type settings map[string]string

func (s *settings) String() string { return "" }

func (s *settings) Set(text string) error {
	name, value, found := strings.Cut(text, "=")
	if !found {
		return fmt.Errorf("%q is not name=value", text)
	}
	if *s == nil {
		*s = settings{}
	}
	(*s)[name] = value
	return nil
}

var compressions = map[string]clickhouse.CompressionMethod{
	"none":    clickhouse.CompressionNone,
	"gzip":    clickhouse.CompressionGZIP,
	"deflate": clickhouse.CompressionDeflate,
	"br":      clickhouse.CompressionBrotli,
	"lz4":     clickhouse.CompressionLZ4,
	"zstd":    clickhouse.CompressionZSTD,
}

// open gives the data source's connections, checked by a ping when they are first asked for.
func (s *source) open() (*sql.DB, error) {
	if s.db != nil {
		return s.db, nil
	}
	method, known := compressions[s.compression]
	if !known {
		return nil, fmt.Errorf("no such compression: %s", s.compression)
	}
	custom := clickhouse.Settings{}
	for name, value := range s.settings {
		custom[name] = value
	}
	db := clickhouse.OpenDB(&clickhouse.Options{
		Protocol:    clickhouse.HTTP,
		Addr:        []string{fmt.Sprintf("%s:%d", s.host, s.port)},
		Auth:        clickhouse.Auth{Database: s.database, Username: s.username, Password: s.password},
		Compression: &clickhouse.Compression{Method: method},
		DialTimeout: dialTimeout,
		ReadTimeout: readTimeout,
		Settings:    custom,
		ClientInfo: clickhouse.ClientInfo{Products: []struct{ Name, Version string }{
			{"grafana", hostVersion}, {dataSourceAgent, version},
		}},
	})
	db.SetConnMaxLifetime(maxLifetime)
	db.SetMaxIdleConns(maxIdle)
	db.SetMaxOpenConns(maxOpen)
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	if err := db.PingContext(ctx); err != nil {
		db.Close()
		return nil, err
	}
	s.db = db
	return db, nil
}
