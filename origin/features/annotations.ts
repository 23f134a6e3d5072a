// Marks on the time charts that are no changes of features, such as a deploy of the site. They change nothing and are kept for
// KEEP_DAYS after the time that they are about.
import { randomBytes } from "node:crypto";
import { z } from "zod";
import type { Pool, Queryable } from "../db/pool.ts";
import { FeatureId } from "../../shared/ids.ts";

export const KEEP_DAYS = 400;

const Annotation = z.object({
  annotationId: z.string(),
  at: z.date(),
  title: z.string(),
  link: z.string().nullable(),
  tags: z.array(z.string()),
  features: z.array(FeatureId),
  madeBy: z.string(),
  madeAt: z.date(),
});
export type Annotation = z.infer<typeof Annotation>;

export type NewAnnotation = Pick<Annotation, "at" | "title" | "link" | "tags" | "features" | "madeBy">;

const columns = `annotation_id as "annotationId", at, title, link, tags, feature_ids as features,
  made_by as "madeBy", made_at as "madeAt"`;

const insertAnnotation = async (
  db: Queryable,
  { at, title, link, tags, features, madeBy }: NewAnnotation,
): Promise<Annotation> => {
  const { rows } = await db.query(
    `with forgotten as (
       delete from annotations where at < clock_timestamp() - $8 * interval '1 day'
     )
     insert into annotations (annotation_id, at, title, link, tags, feature_ids, made_by)
     values ($1, $2, $3, $4, $5, $6, $7) returning ${columns}`,
    [`ann_${randomBytes(9).toString("hex")}`, at, title, link, tags, features, madeBy, KEEP_DAYS],
  );
  return Annotation.parse(rows[0]);
};

export type AnnotationQuery = {
  readonly limit: number;
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
  /** Those about all features, about this one, or about one of its tags. */
  readonly feature?: { readonly featureId: FeatureId; readonly tags: readonly string[] } | undefined;
};

/** Newest first. */
const listAnnotations = async (
  db: Queryable,
  { limit, since, until, feature }: AnnotationQuery,
): Promise<Annotation[]> => {
  const { rows } = await db.query(
    `select ${columns} from annotations
     where ($1::timestamptz is null or at >= $1) and ($2::timestamptz is null or at <= $2)
       and ($3::text is null or feature_ids @> array[$3] or tags && $4::text[]
            or feature_ids = '{}' and tags = '{}')
     order by at desc, seq desc limit $5`,
    [since ?? null, until ?? null, feature?.featureId ?? null, feature?.tags ?? [], limit],
  );
  return rows.map((row) => Annotation.parse(row));
};

export type Annotations = ReturnType<typeof makeAnnotations>;

export const makeAnnotations = (pool: Pool) => ({
  annotate: (annotation: NewAnnotation) => insertAnnotation(pool, annotation),
  listAnnotations: (query: AnnotationQuery) => listAnnotations(pool, query),
  /** null: there is none of this id. */
  getAnnotation: async (annotationId: string): Promise<Annotation | null> => {
    const { rows } = await pool.query(`select ${columns} from annotations where annotation_id = $1`, [
      annotationId,
    ]);
    return rows[0] === undefined ? null : Annotation.parse(rows[0]);
  },
  deleteAnnotation: async (annotationId: string): Promise<void> => {
    await pool.query("delete from annotations where annotation_id = $1", [annotationId]);
  },
});
