package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/grafana/grafana-plugin-sdk-go/data/sqlutil"
)

// converters are for what Grafana's own do not take from this driver: values that may be missing, and composite ones, which become JSON.
var converters = []sqlutil.Converter{
	convert(`^Nullable\((U?Int(8|16|32|64)|Float(32|64))\)`, data.FieldTypeNullableFloat64, func(value any) any {
		number := reflect.Indirect(reflect.ValueOf(value)).Convert(reflect.TypeFor[float64]()).Float()
		return &number
	}),
	convert(`^(IPv|(LowCardinality\()?Nullable\((String|FixedString|Enum|UUID|IPv))`, data.FieldTypeNullableString, func(value any) any {
		text := fmt.Sprint(plain(value))
		return &text
	}),
	convert(`^Nullable\(Date`, data.FieldTypeNullableTime, func(value any) any {
		at := reflect.Indirect(reflect.ValueOf(value)).Interface().(time.Time)
		return &at
	}),
	convert(`^Nullable\(Bool`, data.FieldTypeNullableBool, func(value any) any {
		is := reflect.Indirect(reflect.ValueOf(value)).Bool()
		return &is
	}),
	convert(`^(Array|Map|Tuple|Nested|(Nullable\()?(U?Int(128|256)|Decimal))`, data.FieldTypeNullableJSON, func(value any) any {
		text, err := json.Marshal(plain(value))
		if err != nil {
			text = []byte("null")
		}
		message := json.RawMessage(text)
		return &message
	}),
}

// convert gives pointers, and none for a value that is missing.
func convert(types string, field data.FieldType, to func(any) any) sqlutil.Converter {
	none := reflect.Zero(reflect.TypeOf(data.NewFieldFromFieldType(field, 1).At(0))).Interface()
	return sqlutil.Converter{
		Name:           types,
		InputScanType:  reflect.TypeFor[any](),
		InputTypeRegex: regexp.MustCompile(types),
		FrameConverter: sqlutil.FrameConverter{
			FieldType: field,
			ConverterFunc: func(in any) (any, error) {
				value := *in.(*any)
				if reflected := reflect.ValueOf(value); value == nil || reflected.Kind() == reflect.Pointer && reflected.IsNil() {
					return none, nil
				}
				return to(value), nil
			},
		},
	}
}
