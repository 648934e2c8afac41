package main

import (
	"fmt"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data/sqlutil"
)

// expand replaces the macros that the plugin documents. They are found by Grafana's own code.
func expand(asked request) (string, error) {
	query := &sqlutil.Query{
		RawSQL:    asked.SQL,
		Interval:  time.Duration(asked.IntervalMs) * time.Millisecond,
		TimeRange: backend.TimeRange{From: asked.From, To: asked.To},
	}
	return sqlutil.Interpolate(query, macros)
}

var macros = sqlutil.Macros{
	"fromTime":        bound(seconds, from),
	"toTime":          bound(seconds, to),
	"fromTime_ms":     bound(milliseconds, from),
	"toTime_ms":       bound(milliseconds, to),
	"timeFilter":      within(seconds),
	"timeFilter_ms":   within(milliseconds),
	"dateFilter":      within(day),
	"dateTimeFilter":  withinBoth,
	"dt":              withinBoth,
	"timeInterval":    interval("toDateTime(%s), INTERVAL %d second", time.Second),
	"timeInterval_ms": interval("toDateTime64(%s, 3), INTERVAL %d millisecond", time.Millisecond),
	"interval_s": func(query *sqlutil.Query, _ []string) (string, error) {
		return fmt.Sprint(units(query, time.Second)), nil
	},
}

type literal func(time.Time) string

func seconds(at time.Time) string { return fmt.Sprintf("toDateTime(%d)", at.Unix()) }
func milliseconds(at time.Time) string {
	return fmt.Sprintf("fromUnixTimestamp64Milli(%d)", at.UnixMilli())
}
func day(at time.Time) string { return fmt.Sprintf("toDate('%s')", at.Format(time.DateOnly)) }

func from(query *sqlutil.Query) time.Time { return query.TimeRange.From }
func to(query *sqlutil.Query) time.Time   { return query.TimeRange.To }

func bound(write literal, of func(*sqlutil.Query) time.Time) sqlutil.MacroFunc {
	return func(query *sqlutil.Query, _ []string) (string, error) { return write(of(query)), nil }
}

func within(write literal) sqlutil.MacroFunc {
	return func(query *sqlutil.Query, arguments []string) (string, error) {
		if err := expect(arguments, 1); err != nil {
			return "", err
		}
		return comparison(arguments[0], write, query), nil
	}
}

func withinBoth(query *sqlutil.Query, arguments []string) (string, error) {
	if err := expect(arguments, 2); err != nil {
		return "", err
	}
	return fmt.Sprintf("(%s) AND (%s)", comparison(arguments[0], day, query), comparison(arguments[1], seconds, query)), nil
}

func comparison(column string, write literal, query *sqlutil.Query) string {
	return fmt.Sprintf("%s >= %s AND %s <= %s", column, write(from(query)), column, write(to(query)))
}

func interval(form string, unit time.Duration) sqlutil.MacroFunc {
	return func(query *sqlutil.Query, arguments []string) (string, error) {
		if err := expect(arguments, 1); err != nil {
			return "", err
		}
		return fmt.Sprintf("toStartOfInterval("+form+")", arguments[0], units(query, unit)), nil
	}
}

func units(query *sqlutil.Query, unit time.Duration) int64 {
	return max(int64(query.Interval/unit), 1)
}

func expect(arguments []string, count int) error {
	if len(arguments) != count {
		return fmt.Errorf("the macro takes %d arguments, not %d", count, len(arguments))
	}
	return nil
}
