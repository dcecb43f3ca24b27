package aws

import (
	"context"
	"fmt"
	"slices"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// empty deletes every version of every object. Like the official plugin it bypasses locks in governance mode; what is
// locked otherwise stays, and is reported.
func (c *cloud) empty(ctx context.Context, name string) error {
	var locked []string
	pages := s3.NewListObjectVersionsPaginator(c.s3, &s3.ListObjectVersionsInput{Bucket: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list what is in bucket %q: %w", name, err)
		}
		var batch []types.ObjectIdentifier
		for _, v := range page.Versions {
			batch = append(batch, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
		}
		for _, m := range page.DeleteMarkers {
			batch = append(batch, types.ObjectIdentifier{Key: m.Key, VersionId: m.VersionId})
		}
		for part := range slices.Chunk(batch, 1000) { // The most that one request may name.
			refused, err := c.deleteVersions(ctx, name, part)
			if err != nil {
				return fmt.Errorf("empty bucket %q: %w", name, err)
			}
			locked = append(locked, refused...)
		}
	}
	if len(locked) > 0 {
		return fmt.Errorf(
			"bucket %q cannot be emptied: %d versions were not deleted, the first of them %s. Objects under a "+
				"legal hold or a compliance lock can be deleted by nobody before their time is over",
			name,
			len(locked),
			locked[0],
		)
	}
	return nil
}

// deleteVersions deletes versions, and returns those that the store refused to delete, each with its reason.
func (c *cloud) deleteVersions(ctx context.Context, name string, versions []types.ObjectIdentifier) ([]string, error) {
	got, err := c.s3.DeleteObjects(ctx, &s3.DeleteObjectsInput{
		Bucket: &name, Delete: &types.Delete{Objects: versions, Quiet: awssdk.Bool(true)},
		BypassGovernanceRetention: awssdk.Bool(true),
	})
	if err != nil {
		return nil, err
	}
	var refused []string
	for _, e := range got.Errors {
		refused = append(refused, fmt.Sprintf("%s (version %s): %s",
			awssdk.ToString(e.Key), awssdk.ToString(e.VersionId), awssdk.ToString(e.Message)))
	}
	return refused, nil
}
