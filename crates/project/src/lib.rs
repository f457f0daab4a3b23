//! From a folder and a target to rendered items: config, args, vars, includes, images, render.
