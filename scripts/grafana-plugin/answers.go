package main

import (
	"database/sql"
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/grafana/grafana-plugin-sdk-go/data/sqlutil"
)

// maxRows is Grafana's own default limit.
const maxRows = 1_000_000

func readFrame(rows *sql.Rows, query string, timeSeries bool) (answer, error) {
	frame, err := sqlutil.FrameFromRows(rows, maxRows, converters...)
	if err != nil {
		return answer{SQL: query}, err
	}
	if timeSeries && frame.TimeSeriesSchema().Type == data.TimeSeriesTypeLong {
		frame, err = data.LongToWide(frame, &data.FillMissing{Mode: data.FillModeNull})
		if err != nil {
			return answer{SQL: query}, err
		}
	}
	count, err := frame.RowLen()
	if err != nil {
		return answer{SQL: query}, err
	}
	text, err := data.FrameToJSON(frame, data.IncludeAll)
	return answer{SQL: query, Frame: text, Count: count}, err
}

func readRows(rows *sql.Rows, query string) (answer, error) {
	result := answer{SQL: query, Rows: [][]any{}}
	types, err := rows.ColumnTypes()
	if err != nil {
		return result, err
	}
	for _, column := range types {
		result.Names = append(result.Names, column.Name())
		result.Types = append(result.Types, column.DatabaseTypeName())
	}
	for rows.Next() {
		values := make([]any, len(types))
		targets := make([]any, len(types))
		for at := range values {
			targets[at] = &values[at]
		}
		if err := rows.Scan(targets...); err != nil {
			return result, err
		}
		for at := range values {
			values[at] = plain(values[at])
		}
		result.Rows = append(result.Rows, values)
	}
	result.Count = len(result.Rows)
	return result, rows.Err()
}

// plain is the value as JSON can hold it without loss: whole numbers of 64 bits and more as text, times in UTC.
func plain(value any) any {
	switch known := value.(type) {
	case nil, bool, string:
		return known
	case time.Time:
		return known.UTC().Format(time.RFC3339Nano)
	case fmt.Stringer:
		return known.String()
	}
	reflected := reflect.ValueOf(value)
	switch reflected.Kind() {
	case reflect.Pointer, reflect.Interface:
		if reflected.IsNil() {
			return nil
		}
		return plain(reflected.Elem().Interface())
	case reflect.Slice, reflect.Array:
		list := make([]any, reflected.Len())
		for at := range list {
			list[at] = plain(reflected.Index(at).Interface())
		}
		return list
	case reflect.Map:
		object := map[string]any{}
		for _, key := range reflected.MapKeys() {
			object[fmt.Sprint(key.Interface())] = plain(reflected.MapIndex(key).Interface())
		}
		return object
	case reflect.Struct:
		// Big numbers: only their pointers know their text.
		pointer := reflect.New(reflected.Type())
		pointer.Elem().Set(reflected)
		return fmt.Sprint(pointer.Interface())
	case reflect.Int64, reflect.Uint64:
		return fmt.Sprint(value)
	case reflect.Float32, reflect.Float64:
		if number := reflected.Float(); math.IsNaN(number) || math.IsInf(number, 0) {
			return fmt.Sprint(value)
		}
	}
	return value
}
