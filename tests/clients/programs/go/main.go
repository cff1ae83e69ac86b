// The default client of the AWS SDK for Go 2.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return value
}

func main() {
	ctx := context.Background()
	client := kinesis.NewFromConfig(must(config.LoadDefaultConfig(ctx)))
	stream := aws.String(os.Args[1])
	must(client.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: stream, ShardCount: aws.Int32(1)}))
	waiter := kinesis.NewStreamExistsWaiter(client)
	must(0, waiter.Wait(ctx, &kinesis.DescribeStreamInput{StreamName: stream}, time.Minute))
	var records []types.PutRecordsRequestEntry
	for i := range 500 {
		key := fmt.Sprint(i)
		records = append(records, types.PutRecordsRequestEntry{Data: []byte("event " + key), PartitionKey: &key})
	}
	before := time.Now().Add(-5 * time.Second)
	put := must(client.PutRecords(ctx, &kinesis.PutRecordsInput{StreamName: stream, Records: records}))
	iterator := must(client.GetShardIterator(ctx, &kinesis.GetShardIteratorInput{
		StreamName:        stream,
		ShardId:           put.Records[0].ShardId,
		ShardIteratorType: types.ShardIteratorTypeAtTimestamp,
		Timestamp:         &before,
	}))
	got := must(client.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: iterator.ShardIterator}))
	text, inTime := 0, true
	for _, record := range got.Records {
		if strings.HasPrefix(string(record.Data), "event ") {
			text++
		}
		inTime = inTime && record.ApproximateArrivalTimestamp.After(before)
	}
	name := ""
	_, err := client.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: aws.String("nowhere")})
	var missing *types.ResourceNotFoundException
	if errors.As(err, &missing) {
		name = missing.ErrorCode()
	}
	must(0, json.NewEncoder(os.Stdout).Encode(map[string]any{
		"failed": *put.FailedRecordCount, "read": len(got.Records), "text": text, "in_time": inTime, "error": name,
	}))
}
