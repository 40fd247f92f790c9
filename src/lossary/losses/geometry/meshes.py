"""What losses of triangle meshes stand on: checked vertices and faces, edges counted once, normals, sums over both.

Shapes are static: what does not count (a padding face, the second of two equal edges) is masked, not removed.
"""

from __future__ import annotations

from math import nan, prod
from typing import TYPE_CHECKING, Any, NamedTuple

from ..._core.check import checking, described, dtype_name, floating, refuse
from ..._core.reduce import Counted, counted, reduce

if TYPE_CHECKING:
    from ..._core.backends.protocol import Namespace
    from ..._core.types import Reduction


class Mesh(NamedTuple):
    """Vertices (meshes, v, d) and faces (meshes, f, 3), or (1, f, 3) where all meshes have the same."""

    vertices: Any
    faces: Any  # safe to look up: 0 where there is no face
    present: Any  # (meshes or 1, f): not for padding, nor where two corners are one vertex
    broken: Any  # (meshes or 1): has an index that is no vertex; None where it is known that none has


class Edges(NamedTuple):
    """The three edges of each face, sorted so that equal ones lie together; (meshes or 1, 3 f) throughout."""

    low: Any
    high: Any
    opposite: Any  # the third corner of the face that the edge comes from
    next_opposite: Any  # that of the face behind it in the order
    first: Any  # the first of equal ones
    border: Any  # the only one
    pair: Any  # the first of exactly two: the face of `opposite` and that of `next_opposite` meet here


# ---- checks ----


def checked_vertices(loss: str, xp: Namespace, coordinates: int | None, **arrays: Any) -> None:
    """Each (*batch, v, d), d = `coordinates` where that is a number."""
    d = "d" if coordinates is None else coordinates
    for name, array in arrays.items():
        floating(loss, xp, **{name: array})
        shape = array.shape
        if len(shape) < 2 or shape[-1] == 0 or (coordinates is not None and shape[-1] != coordinates):
            raise ValueError(f"{loss}: expected {name} of shape (*batch, v, {d}); got {described(**{name: array})}")


def mesh_of(
    loss: str, xp: Namespace, vertices: Any, faces: Any, names: tuple[str, str] = ("vertices", "faces")
) -> Mesh:
    """Promoted vertices (*batch, v, d) and faces (*batch, f, 3) or (f, 3) as one flat batch of meshes."""
    name = names[1]
    if xp.kind(faces) != "int":
        raise TypeError(f"{loss}: expected {name} of an integer dtype (vertex indices); got {name} {dtype_name(faces)}")
    batch, shape = tuple(vertices.shape[:-2]), tuple(faces.shape)
    if len(shape) < 2 or shape[-1] != 3 or (shape[:-2] and shape[:-2] != batch):
        got = described(**dict(zip(names, (vertices, faces), strict=True)))
        raise ValueError(f"{loss}: expected {name} of shape (f, 3) or (*batch, f, 3); got {got}")
    count, number = vertices.shape[-2], prod(batch)
    vertices = xp.reshape(vertices, (number, count, vertices.shape[-1]))
    faces = xp.reshape(xp.indices(faces), (number if shape[:-2] else 1, *shape[-2:]))
    valid = _known_vertices(loss, xp, name, faces, count)
    a, b, c = (faces[..., k] for k in range(3))
    present = ~((a == b) | (b == c) | (c == a) | xp.any(faces == -1, axis=-1))
    broken = None
    if valid is not None:
        valid = ~xp.any(~valid, axis=-1)
        present, broken = present & valid, xp.any(~valid, axis=-1)
    return Mesh(vertices, xp.where(xp.expand_dims(present, axis=-1), faces, 0), present, broken)


def _known_vertices(loss: str, xp: Namespace, name: str, faces: Any, count: int) -> Any:
    """None where every index is known to be a vertex or the −1 of padding; else which ones are."""
    if 0 in faces.shape:
        return None
    expected = f"{loss}: expected {name} in [0, {count}), or -1 for padding; got {name}"
    if count == 0:
        raise ValueError(f"{expected} of shape {tuple(faces.shape[-2:])} and no vertices")
    if xp.visible(faces):
        least, most = xp.extent(faces)
        if least >= -1 and most < count:
            return None
        if checking.level is not False:
            raise ValueError(f"{expected} from {least} to {most}")
    valid = (faces >= -1) & (faces < count)
    if checking.level:
        refuse(xp, valid, f"{expected} outside it")
    return valid


# ---- edges ----


def edges_of(xp: Namespace, mesh: Mesh) -> Edges:
    """Every edge of every face, the equal ones side by side."""
    a, b, c = (mesh.faces[..., k] for k in range(3))
    start, end, opposite = (xp.concat(corners, axis=-1) for corners in ((a, b, c), (b, c, a), (c, a, b)))
    low, high = xp.minimum(start, end), xp.maximum(start, end)
    count = mesh.vertices.shape[-2]
    nothing = ~xp.concat([mesh.present] * 3, axis=-1)
    low, high = xp.where(nothing, count, low), xp.where(nothing, count, high)
    # Two stable sorts, by `high` and then by `low`: one key low · count + high would overflow 32 bits.
    order = xp.argsort(high, axis=-1)
    order = xp.take_along_axis(order, xp.argsort(xp.take_along_axis(low, order, axis=-1), axis=-1), axis=-1)
    low, high, opposite = (xp.take_along_axis(ends, order, axis=-1) for ends in (low, high, opposite))
    edge = low < count
    no = low[..., :1] != low[..., :1]
    same = (low[..., 1:] == low[..., :-1]) & (high[..., 1:] == high[..., :-1]) & edge[..., 1:]
    first = edge & ~xp.concat([no, same], axis=-1)
    more = xp.concat([same, no], axis=-1)  # another follows that is equal
    third = xp.concat([more[..., 1:], no], axis=-1)
    return Edges(
        low=xp.where(edge, low, 0),
        high=xp.where(edge, high, 0),
        opposite=opposite,
        next_opposite=xp.concat([opposite[..., 1:], opposite[..., :1]], axis=-1),
        first=first,
        border=first & ~more,
        pair=first & more & ~third,
    )


# ---- between vertices, and what lies on faces and edges ----


def at(xp: Namespace, values: Any, index: Any) -> Any:
    """`values` (meshes, v, d) of the vertices `index` (meshes or 1, k): (meshes, k, d)."""
    if index.shape[0] == 1:
        return xp.take(values, index[0], axis=1)
    shape = (*index.shape, values.shape[-1])
    return xp.take_along_axis(values, xp.broadcast_to(xp.expand_dims(index, axis=-1), shape), axis=1)


def added_up(xp: Namespace, values: Any, index: Any, count: int) -> Any:
    """`values` (meshes, k, d) added up by vertex: (meshes, count, d)."""
    meshes, size, d = values.shape
    if index.shape[0] == 1:
        return xp.moveaxis(xp.segment_sum(xp.moveaxis(values, 1, 0), index[0], count), 0, 1)
    apart = xp.reshape(index + count * xp.positions(index, axis=0), (meshes * size,))
    return xp.reshape(xp.segment_sum(xp.reshape(values, (meshes * size, d)), apart, meshes * count), (meshes, count, d))


def along(xp: Namespace, vertices: Any, start: Any, end: Any, keep: Any) -> Any:
    """From vertex `start` to vertex `end`, subtracted first so that no offset costs a digit; 0 where not kept."""
    return xp.where(xp.expand_dims(keep, axis=-1), at(xp, vertices, end) - at(xp, vertices, start), 0.0)


def cross(xp: Namespace, a: Any, b: Any) -> Any:
    """a × b of vectors (…, 3)."""
    ax, ay, az = (a[..., k] for k in range(3))
    bx, by, bz = (b[..., k] for k in range(3))
    return xp.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=-1)


def vertex_normals(xp: Namespace, mesh: Mesh) -> Any:
    """At each vertex the sum of its faces' normals, each as long as its face is large; of no certain length."""
    if 0 in mesh.faces.shape:
        return xp.zeros_like(mesh.vertices)
    a, b, c = (mesh.faces[..., k] for k in range(3))
    sides = in_reach(xp, along(xp, mesh.vertices, a, b, mesh.present), along(xp, mesh.vertices, a, c, mesh.present))
    normals = xp.concat([cross(xp, *sides)] * 3, axis=1)
    return added_up(xp, normals, xp.concat([a, b, c], axis=-1), mesh.vertices.shape[-2])


def in_reach(xp: Namespace, *vectors: Any) -> tuple[Any, ...]:
    """Vectors (meshes, k, d), brought by one factor per mesh to where their products are in range."""
    if 0 in vectors[0].shape:
        return vectors
    size = xp.stop_gradient(xp.max(xp.max(xp.abs(xp.concat(vectors, axis=1)), axis=1), axis=1))
    scale = within_reach(xp, size)[:, None, None]
    return tuple(vector * scale for vector in vectors)


def within_reach(xp: Namespace, size: Any) -> Any:
    """A power of two, which moves no digit, that brings numbers of this size near 1, where products are in range."""
    scale = xp.ones_like(size)
    for exponent in range(24, 121, 24):
        scale = xp.where(size > 2.0 ** (exponent - 12), 2.0**-exponent, scale)
        scale = xp.where(size < 2.0 ** (12 - exponent), 2.0**exponent, scale)
    return scale


def one_minus_cosine(xp: Namespace, a: Any, b: Any) -> Any:
    """1 − cos of the angle between vectors (…, 3), accurate near 0 too; of a zero vector 1, with gradient 0.

    As ½|u − v|² or 2 − ½|u + v|² of the unit vectors, whose gradients fade as they should. Of vectors nearly equal the
    difference is exact before they are divided: sin² / (1 + cos), the sine from a × b = a × (b − a).
    """
    a, b = _in_reach(xp, a), _in_reach(xp, b)
    size_a, size_b = xp.norm(a, axis=-1, keepdims=True), xp.norm(b, axis=-1, keepdims=True)
    nothing = (size_a == 0) | (size_b == 0)
    size_a, size_b = xp.where(nothing, 1.0, size_a), xp.where(nothing, 1.0, size_b)
    a, b = xp.where(nothing, 0.0, a), xp.where(nothing, 0.0, b)
    u, v, gap = a / size_a, b / size_b, b - a
    near = xp.norm(xp.stop_gradient(gap), axis=-1, keepdims=True) <= 0.5 * xp.stop_gradient(size_a)
    near = near & ~nothing
    sine = cross(xp, u, xp.where(near, gap, 0.0) / size_b)
    cosine = xp.sum(u * v, axis=-1, keepdims=True)
    close = xp.sum(sine * sine, axis=-1, keepdims=True) / xp.where(near, 1 + cosine, 1.0)
    acute = cosine > 0
    chord = xp.where(acute, u - v, u + v)
    half = 0.5 * xp.sum(chord * chord, axis=-1, keepdims=True)
    apart = xp.where(nothing, 1.0, xp.where(acute, half, 2 - half))
    return xp.where(near, close, apart)[..., 0]


def _in_reach(xp: Namespace, x: Any) -> Any:
    return x * within_reach(xp, xp.stop_gradient(xp.max(xp.abs(x), axis=-1, keepdims=True)))


# ---- one number per mesh, and one for all of them ----


class Means(NamedTuple):
    """One loss per mesh, and which meshes have one at all."""

    losses: Any
    some: Any


def mean_of_kept(loss: str, mesh: Mesh, xp: Namespace, losses: Any, keep: Any) -> Means:
    """The mean within each mesh of the `losses` (meshes, k) to `keep`; NaN where the mesh is broken."""
    keep = xp.broadcast_to(keep, losses.shape)
    losses = xp.select(keep, losses, 0.0)
    mean = reduce(loss, xp, losses, Counted(keep, xp.astype(keep, losses)), axis=-1)
    some = xp.any(keep, axis=-1)
    if mesh.broken is None:
        return Means(mean, some)
    return Means(xp.where(mesh.broken, nan, mean), some | mesh.broken)


class Batch(NamedTuple):
    """How the losses of meshes become one."""

    xp: Namespace
    shape: tuple[int, ...]
    weights: Any
    mask: Any
    normalizer: Any
    reduction: Reduction

    def kept(self, loss: str, vertices: Any) -> Any:
        """Vertices, 0 for the meshes that do not count."""
        keep = self._keep(loss, vertices)
        return vertices if keep is None else self.xp.select(keep, vertices, 0.0)

    def kept_faces(self, loss: str, faces: Any, vertices: Any) -> Any:
        """Faces, nothing but padding for the meshes that do not count, so that nobody looks at their indices."""
        if len(faces.shape) != len(self.shape) + 2 or not self.shape or self.xp.kind(faces) != "int":
            return faces  # one list for all meshes, or to be refused
        keep = self._keep(loss, vertices)
        return faces if keep is None else self.xp.where(keep, self.xp.indices(faces), -1)

    def _keep(self, loss: str, like: Any) -> Any:
        items = counted(loss, self.xp, self.shape, self.weights, self.mask, like)
        if items is None:
            return None
        return self.xp.reshape(self.xp.broadcast_to(items.keep, self.shape), (*self.shape, 1, 1))

    def total(self, loss: str, means: Means) -> Any:
        """As `reduction` says, over the meshes that have such a loss and count."""
        xp = self.xp
        losses, some = xp.reshape(means.losses, self.shape), xp.reshape(means.some, self.shape)
        items = counted(loss, xp, self.shape, self.weights, self.mask, losses, dropped=~some)
        if items is not None:
            losses = xp.select(xp.broadcast_to(items.keep, self.shape), losses, 0.0)
        return reduce(loss, xp, losses, items, normalizer=self.normalizer, reduction=self.reduction)
