"""What may stand in a statement at the SQL desk. Whatever is not on these lists is refused, also what comes with a later
version of PostgreSQL."""

from __future__ import annotations

import re

NODES = frozenset({
    "SelectStmt", "ResTarget", "ColumnRef", "A_Star", "String", "A_Const", "Integer", "Float", "Boolean", "BitString",
    "ParamRef", "A_Expr", "BoolExpr", "NullTest", "BooleanTest", "FuncCall", "NamedArgExpr", "TypeCast", "TypeName",
    "CaseExpr", "CaseWhen", "CoalesceExpr", "MinMaxExpr", "SubLink", "RangeVar", "RangeSubselect", "JoinExpr",
    "RangeFunction", "Alias", "SortBy", "WindowDef", "CommonTableExpr", "List", "GroupingSet", "GroupingFunc",
    "A_ArrayExpr", "RowExpr", "A_Indirection", "A_Indices", "SQLValueFunction",
})  # fmt: skip
"""Kinds of nodes in the parse tree."""

PARTS = frozenset({
    "targetList", "fromClause", "whereClause", "groupClause", "groupDistinct", "havingClause", "windowClause", "valuesLists",
    "sortClause", "limitOffset", "limitCount", "limitOption", "distinctClause", "withClause", "op", "all", "larg", "rarg",
    "name", "val", "location", "fields", "indirection", "sval", "ival", "fval", "boolval", "bsval", "isnull", "number",
    "kind", "lexpr", "rexpr", "boolop", "args", "arg", "nulltesttype", "argisrow", "booltesttype", "funcname", "agg_order",
    "agg_filter", "over", "agg_within_group", "agg_star", "agg_distinct", "func_variadic", "funcformat", "argnumber",
    "typeName", "names", "typmod", "typmods", "typemod", "arrayBounds", "expr", "result", "defresult", "subLinkType", "testexpr",
    "operName", "subselect", "relname", "inh", "relpersistence", "alias", "aliasname", "colnames", "lateral", "subquery",
    "jointype", "isNatural", "quals", "usingClause", "join_using_alias", "functions", "ordinality", "is_rowsfrom", "node",
    "sortby_dir", "sortby_nulls", "useOp", "refname", "partitionClause", "orderClause", "frameOptions", "startOffset",
    "endOffset", "ctename", "ctequery", "aliascolnames", "ctematerialized", "ctes", "recursive", "items", "content",
    "elements", "row_format", "is_slice", "lidx", "uidx", "list_start", "list_end", "rtindex", "op_name", "schemaname",
})  # fmt: skip
"""Names of the parts of those nodes."""

FUNCTIONS = frozenset(
    re.findall(
        r"\w+",
        """
    count sum avg min max bool_and bool_or every array_agg string_agg json_agg jsonb_agg json_object_agg
    jsonb_object_agg stddev stddev_pop stddev_samp variance var_pop var_samp corr regr_slope regr_intercept regr_r2
    mode percentile_cont percentile_disc bit_and bit_or any_value grouping row_number rank dense_rank percent_rank
    cume_dist ntile lag lead first_value last_value nth_value abs ceil ceiling floor round trunc mod power pow sqrt
    cbrt exp ln log log10 sign greatest least div gcd lcm width_bucket random degrees radians pi scale numeric_inc
    length char_length character_length octet_length lower upper initcap trim btrim ltrim rtrim left right substr
    substring strpos position overlay replace translate reverse split_part concat concat_ws starts_with ascii chr md5
    to_hex regexp_replace regexp_match regexp_matches regexp_count regexp_like regexp_substr regexp_split_to_array
    regexp_split_to_table string_to_array string_to_table array_to_string like_escape normalize to_char to_date
    to_timestamp to_number now clock_timestamp statement_timestamp transaction_timestamp date_trunc date_part extract
    date_bin age make_date make_interval make_timestamp make_timestamptz justify_days justify_hours justify_interval
    isfinite timezone overlaps coalesce nullif format num_nulls num_nonnulls array_length array_position
    array_positions array_append array_prepend array_cat array_remove array_replace array_ndims array_dims
    array_upper array_lower cardinality unnest generate_series generate_subscripts array_to_json jsonb_array_length
    json_array_length jsonb_extract_path jsonb_extract_path_text json_extract_path json_extract_path_text
    jsonb_typeof json_typeof jsonb_array_elements jsonb_array_elements_text json_array_elements
    json_array_elements_text jsonb_each jsonb_each_text json_each json_each_text jsonb_object_keys json_object_keys
    jsonb_build_object json_build_object jsonb_build_array json_build_array jsonb_strip_nulls jsonb_path_exists
    jsonb_path_query jsonb_path_query_array jsonb_path_query_first to_json to_jsonb row_to_json jsonb_pretty host
    family masklen text
    """,
    )
)
"""Functions that look at what they are given and at nothing else; none sleeps, locks, signals, opens a file or another
statement, and none makes much of little, as repeat and lpad do."""

TYPES = frozenset(
    re.findall(
        r"\w+",
        """
    int2 int4 int8 smallint integer bigint int numeric decimal float4 float8 real text varchar bpchar char bool
    boolean date time timetz timestamp timestamptz interval uuid json jsonb inet cidr bytea money
    """,
    )
)

SPELT = {
    "InsertStmt": "INSERT", "UpdateStmt": "UPDATE", "DeleteStmt": "DELETE", "MergeStmt": "MERGE", "CopyStmt": "COPY",
    "CreateStmt": "CREATE", "CreateTableAsStmt": "CREATE TABLE AS", "DropStmt": "DROP", "TruncateStmt": "TRUNCATE",
    "VariableSetStmt": "SET", "VariableShowStmt": "SHOW", "TransactionStmt": "BEGIN or COMMIT", "DoStmt": "DO",
    "GrantStmt": "GRANT", "AlterTableStmt": "ALTER", "LockStmt": "LOCK", "NotifyStmt": "NOTIFY", "ListenStmt": "LISTEN",
    "VacuumStmt": "VACUUM", "PrepareStmt": "PREPARE", "ExecuteStmt": "EXECUTE", "DeclareCursorStmt": "DECLARE",
    "RefreshMatViewStmt": "REFRESH", "ViewStmt": "CREATE VIEW", "DiscardStmt": "DISCARD", "LoadStmt": "LOAD", "CallStmt": "CALL",
}  # fmt: skip
"""How what is refused is called by those who write it."""
