/** Functions of the engine's miscellaneous categories that were looked at and reach nothing outside of the query. */
export const JUDGED_FUNCTIONS: ReadonlySet<string> = new Set(
  `
   __actionName __applyFilter __bitBoolMaskAnd __bitBoolMaskOr __bitSwapLastTwo __bitWrapperFunc __getScalar __patchPartitionID
   __scalarSubqueryResult __toYearCalendarOnly _CAST authenticatedUser bar blockNumber blockSerializedSize blockSize buildId byteSize
   caseWithExpression colorOKLABToSRGB colorOKLCHToSRGB colorSRGBToOKLAB colorSRGBToOKLCH connectionId countDigits currentDatabase
   currentProfiles currentQueryID currentRoles currentSchemas currentUser defaultProfiles defaultRoles defaultValueOfArgumentType
   defaultValueOfTypeName digits displayName dumpColumnStructure enabledProfiles enabledRoles errorCodeToName finalizeAggregation
   flipCoordinates formatQuery formatQueryOrNull formatQuerySingleLine formatQuerySingleLineOrNull formatReadableDecimalSize
   formatReadableQuantity formatReadableSize formatReadableTimeDelta FQDN generateRandomStructure getMaxTableNameLengthForDatabase
   getMergeTreeSetting getOSKernelVersion getSetting getSettingOrDefault getSizeOfEnumType getSubcolumn getTypeSerializationStreams
   globalVariable hasThreadFuzzer highlightQuery hostName icebergBucket icebergTruncate identity ignore indexHint initializeAggregation
   initialQueryID initialQueryStartTime isConstant isDecimalOverflow isMergeTreePartCoveredBy lowCardinalityIndices lowCardinalityKeys
   MACNumToString MACStringToNum MACStringToOUI materialize mergeTreePartInfo minSampleSizeContinuous minSampleSizeConversion neighbor
   nested normalizedQueryHash normalizedQueryHashKeepNames normalizeQuery normalizeQueryKeepNames obfuscateQuery obfuscateQueryWithSeed
   parseReadableSize parseReadableSizeOrNull parseReadableSizeOrZero parseTimeDelta partitionId queryID revision rowNumberInAllBlocks
   rowNumberInBlock runningAccumulate runningConcurrency runningDifference runningDifferenceStartingWithFirstValue serverUUID shardCount
   shardNum stochasticLinearRegression stochasticLogisticRegression structureToCapnProtoSchema structureToProtobufSchema tcpPort throwIf
   tid toColumnTypeName tokenizeQuery toTypeName transactionID transactionLatestSnapshot transactionOldestSnapshot transform uptime
   validateNestedArraySizes variantElement variantType version visibleWidth`
    .trim()
    .split(/\s+/),
)
